//! How an export is written: as a function of slices, whose lengths follow from its sizes. The macro makes the function
//! of addresses that JavaScript calls, and checks on the way that sizes make sense, that their products fit, and that
//! every operand lies in memory, as it should be aligned.
//!
//! | parameter                   | is called with                                                              |
//! |-----------------------------|-----------------------------------------------------------------------------|
//! | `x: &[f32; len]`            | an address, of `len` values                                                 |
//! | `y: &mut [f32; len]`        | an address, of `len` values that no one else uses                           |
//! | `bias: Option<&[f32; len]>` | an address, or 0                                                            |
//! | `s: Conv2d`                 | the nine sizes of a convolution                                             |
//! | `s: Pool2d`                 | the seven sizes of a pooling                                                |
//! | `x: Pattern`                | sizes and addresses of a compressed batch                                   |
//! | `x: Pattern<s>`             | capacity and addresses of the compressed input of convolution `s`           |
//! | anything else               | itself                                                                      |

use kwta_kernels::conv2d::Conv2dShape;
use kwta_kernels::sparse::SparseShape;

/// See the module.
macro_rules! export {
    ($($(#[$doc:meta])* fn $name:ident($($parameters:tt)*) $(-> $result:ty)? $body:block)*) => {
        $(export!(@next [[$(#[$doc])*] $name [$($result)?] $body] [] [] $($parameters)*,);)*
    };
    (@next $export:tt [$($parameters:tt)*] [$($lets:tt)*] $x:ident: &[$type:ident; $len:expr], $($rest:tt)*) => {
        export!(@next $export [$($parameters)* $x: *const $type,] [$($lets)*
            // SAFETY: the contract of the crate.
            let $x = unsafe { crate::memory::read(stringify!($x), $x, $len) };
        ] $($rest)*);
    };
    (@next $export:tt [$($parameters:tt)*] [$($lets:tt)*] $x:ident: &mut [$type:ident; $len:expr], $($rest:tt)*) => {
        export!(@next $export [$($parameters)* $x: *mut $type,] [$($lets)*
            // SAFETY: the contract of the crate.
            let $x = unsafe { crate::memory::write(stringify!($x), $x, $len) };
        ] $($rest)*);
    };
    (@next $export:tt [$($parameters:tt)*] [$($lets:tt)*] $x:ident: Option<&[$type:ident; $len:expr]>, $($rest:tt)*) => {
        export!(@next $export [$($parameters)* $x: *const $type,] [$($lets)*
            // SAFETY: the contract of the crate.
            let $x = (!$x.is_null()).then(|| unsafe { crate::memory::read(stringify!($x), $x, $len) });
        ] $($rest)*);
    };
    (@next $export:tt [$($parameters:tt)*] [$($lets:tt)*] $s:ident: Conv2d, $($rest:tt)*) => {
        export!(@next $export [$($parameters)*
            n: usize, h: usize, w: usize, c_in: usize, c_out: usize, kh: usize, kw: usize, stride: usize, padding: usize,
        ] [$($lets)*
            let $s = kwta_kernels::conv2d::Conv2dShape { n, h, w, c_in, c_out, kh, kw, stride, padding };
            $s.check();
        ] $($rest)*);
    };
    (@next $export:tt [$($parameters:tt)*] [$($lets:tt)*] $s:ident: Pool2d, $($rest:tt)*) => {
        export!(@next $export [$($parameters)*
            n: usize, h: usize, w: usize, c: usize, kernel: usize, stride: usize, padding: usize,
        ] [$($lets)*
            let $s = kwta_kernels::pool::Pool2dShape { n, h, w, c, kernel, stride, padding };
            $s.check();
        ] $($rest)*);
    };
    (@next $export:tt [$($parameters:tt)*] [$($lets:tt)*] $x:ident: Pattern, $($rest:tt)*) => {
        export!(@next $export [$($parameters)*
            n: usize, pixels: usize, channels: usize, capacity: usize, start: *const u32, channel: *const u32,
        ] [$($lets)*
            let shape = kwta_kernels::sparse::SparseShape { n, pixels, channels, capacity };
            // SAFETY: the contract of the crate.
            let $x = unsafe { crate::export::pattern(shape, start, channel) };
        ] $($rest)*);
    };
    (@next $export:tt [$($parameters:tt)*] [$($lets:tt)*] $x:ident: Pattern<$s:ident>, $($rest:tt)*) => {
        export!(@next $export [$($parameters)*
            capacity: usize, start: *const u32, channel: *const u32,
        ] [$($lets)*
            // SAFETY: the contract of the crate.
            let $x = unsafe { crate::export::pattern(crate::export::inputs(&$s, capacity), start, channel) };
        ] $($rest)*);
    };
    (@next $export:tt [$($parameters:tt)*] $lets:tt $x:ident: $type:ty, $($rest:tt)*) => {
        export!(@next $export [$($parameters)* $x: $type,] $lets $($rest)*);
    };
    (@next [[$(#[$doc:meta])*] $name:ident [$($result:ty)?] $body:block]
        [$($parameters:tt)*] [$($lets:tt)*] $(,)?) => {
        $(#[$doc])*
        #[wasm_bindgen::prelude::wasm_bindgen]
        pub unsafe fn $name($($parameters)*) $(-> $result)? {
            $($lets)*
            $body
        }
    };
}
pub(crate) use export;

/// Sizes of a compressed input of a convolution.
pub(crate) fn inputs(shape: &Conv2dShape, capacity: usize) -> SparseShape {
    SparseShape { n: shape.n, pixels: shape.h * shape.w, channels: shape.c_in, capacity }
}

/// Sizes of a compressed gradient of a convolution's output.
pub(crate) fn outputs(shape: &Conv2dShape, capacity: usize) -> SparseShape {
    SparseShape { n: shape.n, pixels: shape.out_h() * shape.out_w(), channels: shape.c_out, capacity }
}

/// The pattern at these addresses.
///
/// # Safety
/// The contract of the crate.
pub(crate) unsafe fn pattern<'a>(
    shape: SparseShape,
    start: *const u32,
    channel: *const u32,
) -> kwta_kernels::sparse::Pattern<'a> {
    shape.check();
    // SAFETY: the caller's contract.
    let (start, channel) = unsafe {
        (
            crate::memory::read("start", start, shape.start_len()),
            crate::memory::read("channel", channel, shape.entries_len()),
        )
    };
    kwta_kernels::sparse::Pattern::new(shape, start, channel)
}
