#pragma once

#include <openjpeg.h>
#include <stdint.h>

/// What became of a code-stream.
typedef enum {
    CXR_DECODED,
    /// OpenJPEG reported an error to the codec's handlers.
    CXR_REFUSED,
    /// An assertion of OpenJPEG failed. Codec and stream can only be destroyed now.
    CXR_ASSERTION_FAILED,
} cxr_decode_outcome;

/// Reads the header, decodes the image or a band of it, and ends the decompression, on this thread only.
///
/// Debian builds OpenJPEG with its assertions, and its HTJ2K decoder asserts what a damaged code-stream makes false: a
/// file must not end the process. While this runs, a failed assertion on this thread ends the decoding instead. The codec
/// must not have threads of its own; several threads may decode bands of one code-stream, each with its own codec.
///
/// `first_row` counts from the image's top; a `row_count` of 0 means the whole image.
cxr_decode_outcome cxr_decode_guarded(
    opj_codec_t *codec, opj_stream_t *stream, opj_image_t **image, int32_t first_row, int32_t row_count);
