// What changes in every step is computed in these numbers.
#ifndef NEUROSIM_REAL_H
#define NEUROSIM_REAL_H

namespace neurosim {

#ifdef NEUROSIM_SINGLE
typedef float Real;
#else
typedef double Real;
#endif

}  // namespace neurosim

#endif
