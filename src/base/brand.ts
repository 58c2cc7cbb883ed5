// Nominal types: a branded value can only be made by the parser that owns the brand.

declare const brand: unique symbol;

/** A `T` that carries the name of the parser that made it; at run time it is just the `T`. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };
