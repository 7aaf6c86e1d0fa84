/** The samples of a Prometheus text, by name. */
export interface Samples {
  /** The sum over all series of that name whose labels contain all of these. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
  /** The values of a label over all series of a name, each once. */
  values(name: string, label: string): string[];
}

/** Asks a server for `/metrics`, with a query where one is given. Throws if it does not answer 200. */
export async function metricsOf(
  url: string,
  headers: Readonly<Record<string, string>> = {},
  query = "",
): Promise<Samples> {
  const response = await fetch(`${url}/metrics${query}`, { headers });
  if (!response.ok) throw new Error(`/metrics: ${response.status}`);
  return samplesIn(await response.text());
}

function samplesIn(text: string): Samples {
  const samples = [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, labels = "", value]) => ({
    name,
    labels: Object.fromEntries([...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, word]) => [key, word])),
    value: Number(value),
  }));
  return {
    sum: (name, labels = {}) =>
      samples
        .filter((sample) => sample.name === name)
        .filter((sample) => Object.entries(labels).every(([key, word]) => sample.labels[key] === word))
        .reduce((sum, { value }) => sum + value, 0),
    values: (name, label) => [
      ...new Set(samples.filter((sample) => sample.name === name).map(({ labels }) => labels[label] ?? "")),
    ],
  };
}
