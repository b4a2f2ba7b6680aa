// Panels by NEON with dot products of bytes, ARMv8.2 and later.
#include "HalftoneShims.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#define PANEL_TARGET __attribute__((target("dotprod")))
#define PANEL_NAME halftone_panel_product_dotprod
#define PANEL_DOT16(sum, c, x) vdotq_s32(sum, c, x)
#include "panel_neon.h"
#endif
