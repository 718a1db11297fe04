"""The demo: four real trainings on handwritten digits, watched live."""
