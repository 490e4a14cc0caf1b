#include "table.h"

#define LANES 4
#define VECTORS 2

#include "body.h"

const cxr_table cxr_table_scalar = {COMMON_TABLE};
