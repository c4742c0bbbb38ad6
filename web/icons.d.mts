/** A PNG of `size` pixels; `corner` is the radius of the ground in unit lengths. */
export declare const png: (size: number, o?: { readonly corner?: number }) => Buffer;
export declare const svg: (corner?: number) => string;
