// The product of one chip by whichever is faster, BLAS or neurosim_chips.h.
#ifndef NEUROSIM_PRODUCTS_H
#define NEUROSIM_PRODUCTS_H

#include <algorithm>
#include <cstdint>

#include "neurosim_blas.h"
#include "neurosim_chips.h"

namespace neurosim {

// Multiplications up to which products are neurosim_chips.h's. Seen with OpenBLAS 0.3.34 on an AVX2 processor: of 5 × 10
// weights and 128 columns that is twice as fast, of 32 × 64 and 32 a third.
static const int64_t SMALL_PRODUCT = 200000;
#if defined(__AVX512F__)
inline bool own_product(int64_t multiplications, int, int) { return multiplications <= SMALL_PRODUCT; }

// None was faster of larger ones, but BLAS copies the operands of 2·10⁶ multiplications first, those of 3·10⁵ not.
inline int rows_at_a_time(int n_post, int64_t of_a_row)
{
    const int rows = 32, uncopied = 1000000;
    return n_post * of_a_row > uncopied && rows * of_a_row <= uncopied ? rows : n_post;
}
#else
// BLAS always copies here. Of 256 × 256 weights and 32 columns it takes 1.1 times as long; of more columns, or of a
// source that leaves the second cache, less.
inline bool own_product(int64_t multiplications, int n_pre, int columns)
{
    return multiplications <= SMALL_PRODUCT || (columns <= 64 && n_pre * columns <= 1 << 15);
}

inline int rows_at_a_time(int n_post, int64_t) { return n_post; }
#endif

// target = weights · source + bias (which may be nullptr): (n_post, n_pre) times (n_pre, columns).
inline void product(Real* target, const Real* weights, const Real* source, const Real* bias, int n_post, int n_pre,
                    int columns)
{
    const int64_t of_a_row = (int64_t)n_pre * columns;
    if (columns >= LANES && own_product(n_post * of_a_row, n_pre, columns))
        return products(target, weights, source, bias, n_post, n_pre, 1, columns);
    if (bias)
        for (int i = 0; i < n_post; i++) std::fill_n(target + (int64_t)i * columns, columns, bias[i]);
    const Real beta = bias ? 1 : 0;
    if (columns == 1) return gemv(n_post, n_pre, weights, source, beta, target);
    const int most = rows_at_a_time(n_post, of_a_row);
    for (int i = 0; i < n_post; i += most)
        gemm(CblasNoTrans, CblasNoTrans, std::min(most, n_post - i), columns, n_pre, weights + (int64_t)i * n_pre, n_pre,
             source, columns, beta, target + (int64_t)i * columns, columns);
}

}  // namespace neurosim

#endif
