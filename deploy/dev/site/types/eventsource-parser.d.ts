export function createParser(told: { onEvent: (event: { event?: string; id?: string; data: string }) => void }): { feed(text: string): void };
