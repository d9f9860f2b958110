// The headers that every generated source includes, parsed once.
#pragma once
#include "objects.h"
#include "neurosim_arrays.h"
#include "brianlib/common_math.h"
#include "brianlib/stdint_compat.h"
#include <climits>
#include <cmath>
#include <math.h>
#include <ctime>
#include <fstream>
#include <iostream>
