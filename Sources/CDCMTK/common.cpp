#include "cxr_common.h"
