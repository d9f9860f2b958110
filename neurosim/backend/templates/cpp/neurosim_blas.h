// The products that BLAS does, of matrices row by row, for both kinds of numbers.
#ifndef NEUROSIM_BLAS_H
#define NEUROSIM_BLAS_H

#include <cblas.h>

namespace neurosim {

// C = A·B + beta·C, A (m, k), B (k, n); what is transposed is stored so.
inline void gemm(CBLAS_TRANSPOSE a_stored, CBLAS_TRANSPOSE b_stored, int m, int n, int k, const double* a, int a_row,
                 const double* b, int b_row, double beta, double* c, int c_row)
{
    scipy_cblas_dgemm(CblasRowMajor, a_stored, b_stored, m, n, k, 1.0, a, a_row, b, b_row, beta, c, c_row);
}

inline void gemm(CBLAS_TRANSPOSE a_stored, CBLAS_TRANSPOSE b_stored, int m, int n, int k, const float* a, int a_row,
                 const float* b, int b_row, float beta, float* c, int c_row)
{
    scipy_cblas_sgemm(CblasRowMajor, a_stored, b_stored, m, n, k, 1.0f, a, a_row, b, b_row, beta, c, c_row);
}

// y = A·x + beta·y, A (m, n).
inline void gemv(int m, int n, const double* a, const double* x, double beta, double* y)
{
    scipy_cblas_dgemv(CblasRowMajor, CblasNoTrans, m, n, 1.0, a, n, x, 1, beta, y, 1);
}

inline void gemv(int m, int n, const float* a, const float* x, float beta, float* y)
{
    scipy_cblas_sgemv(CblasRowMajor, CblasNoTrans, m, n, 1.0f, a, n, x, 1, beta, y, 1);
}

}  // namespace neurosim

#endif
