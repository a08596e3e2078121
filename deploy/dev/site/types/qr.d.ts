export default function decode(image: { width: number; height: number; data: Uint8ClampedArray }): string;
