"""The console output of runs: lines in plain files, which are as safe as what is in the database."""
