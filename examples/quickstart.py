"""The README's lines: a training of one weight, live on the page of `stepwire up`. Needs nothing but stepwire."""

from stepwire import TrainingMonitor

weight, data = 0.0, [(x / 1000, 3 * x / 1000) for x in range(1000)]
with TrainingMonitor("my first run", config={"lr": 0.001}, total_steps=20_000) as monitor:
    for step in range(20_000):
        loss = sum((weight * x - y) ** 2 for x, y in data) / len(data)
        weight -= 0.001 * sum(2 * x * (weight * x - y) for x, y in data) / len(data)
        monitor.log_metrics({"loss": loss, "weight": weight}, step=step)
        if monitor.should_stop:  # the STOP of the Actions panel
            break
