#include "assertion_guard.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

static _Thread_local jmp_buf *recovery;

/// What assert() calls; defined in the executable it takes the C library's place for all libraries. Only OpenJPEG's C
/// frames lie between here and the guard.
void __assert_fail(const char *assertion, const char *file, unsigned int line, const char *function) {
    if (recovery != NULL) {
        longjmp(*recovery, 1);
    }
    fprintf(stderr, "%s:%u: %s: assertion failed: %s\n", file, line, function, assertion);
    abort();
}

static OPJ_BOOL choose_rows(opj_codec_t *codec, opj_image_t *image, int32_t first, int32_t count) {
    int32_t top = (int32_t)image->y0 + first;
    return count == 0 || opj_set_decode_area(codec, image, (int32_t)image->x0, top, (int32_t)image->x1, top + count);
}

cxr_decode_outcome cxr_decode_guarded(
    opj_codec_t *codec, opj_stream_t *stream, opj_image_t **image, int32_t first_row, int32_t row_count) {
    jmp_buf place;
    if (setjmp(place) != 0) {
        recovery = NULL;
        return CXR_ASSERTION_FAILED;
    }
    recovery = &place;
    OPJ_BOOL good = opj_read_header(stream, codec, image) && choose_rows(codec, *image, first_row, row_count) &&
        opj_decode(codec, stream, *image) && opj_end_decompress(codec, stream);
    recovery = NULL;
    return good ? CXR_DECODED : CXR_REFUSED;
}
