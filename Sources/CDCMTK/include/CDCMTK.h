#pragma once

#include "cxr_common.h"
#include "cxr_dataset.h"
#include "cxr_network.h"
#include "cxr_pixels.h"
