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

// Brian2's loop asks the system for the time after every step, for a report that none of these programs makes.
#define clock() clock_t(0)
