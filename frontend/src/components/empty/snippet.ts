/** A whole training script in ten lines, for the server at `url`: gradient descent that finds y = 3x. */
export function snippet(url: string): string {
  return `from stepwire import TrainingMonitor

weight, data = 0.0, [(x / 1000, 3 * x / 1000) for x in range(1000)]
with TrainingMonitor("my first run", config={"lr": 0.001}, total_steps=20_000,
                     dashboard_url="${url}") as monitor:
    for step in range(20_000):
        loss = sum((weight * x - y) ** 2 for x, y in data) / len(data)
        weight -= 0.001 * sum(2 * x * (weight * x - y) for x, y in data) / len(data)
        monitor.log_metrics({"loss": loss, "weight": weight}, step=step)
        if monitor.should_stop:  # the STOP of the Actions panel
            break
`;
}

/** This server's address as the page knows it, below whatever prefix a proxy puts in front. */
export function serverUrl(page: string = document.baseURI): string {
  return new URL(".", page).href.replace(/\/$/, "");
}
