export const zoom: any; export const zoomIdentity: any; export const zoomTransform: any; export const select: any;
