// Matrix products of chips side by side, each with matrices of its own: (n_post, n_pre, chips) times
// (n_pre, chips, columns). With one column for each chip the chips are the lanes of a vector, otherwise the columns.
// Of one chip these are products as BLAS has them, faster where they are small.
#ifndef NEUROSIM_CHIPS_H
#define NEUROSIM_CHIPS_H

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "neurosim_real.h"

namespace neurosim {

// As many numbers as a register of the processor holds, at any address; compilers make poor code of wider ones.
#if defined(__AVX512F__)
#define NEUROSIM_REGISTER 64
#elif defined(__AVX__)
#define NEUROSIM_REGISTER 32
#else
#define NEUROSIM_REGISTER 16
#endif
typedef Real Lanes __attribute__((vector_size(NEUROSIM_REGISTER), aligned(sizeof(Real)), may_alias));
static const int LANES = NEUROSIM_REGISTER / sizeof(Real);

inline Lanes load(const Real* from) { return *(const Lanes*)from; }
inline void store(Real* to, Lanes values) { *(Lanes*)to = values; }
inline Lanes all(Real value) { return Lanes{} + value; }

// How many come next where n are taken in parts as even as can be, none of more than `most`: a short last part would
// leave most registers idle.
inline int part_of(int n, int most)
{
    const int parts = (n + most - 1) / most;
    return (n + parts - 1) / parts;
}

// target = weights · source + bias, one column a chip.
template <int ROWS, int WIDE>
inline void rows_of_single(Real* __restrict target, const Real* __restrict weights, const Real* __restrict source,
                           const Real* __restrict bias, int i, int n_pre, int chips, int first)
{
    const int64_t row = (int64_t)n_pre * chips;
    Lanes sums[ROWS][WIDE];
    for (int k = 0; k < ROWS; k++)
        for (int l = 0; l < WIDE; l++)
            sums[k][l] = bias ? load(bias + (int64_t)(i + k) * chips + first + l * LANES) : Lanes{};
    const Real* w = weights + i * row + first;
    const Real* r = source + first;
    for (int j = 0; j < n_pre; j++, w += chips, r += chips)
        for (int l = 0; l < WIDE; l++)
        {
            const Lanes rate = load(r + l * LANES);
            for (int k = 0; k < ROWS; k++) sums[k][l] += load(w + k * row + l * LANES) * rate;
        }
    for (int k = 0; k < ROWS; k++)
        for (int l = 0; l < WIDE; l++) store(target + (int64_t)(i + k) * chips + first + l * LANES, sums[k][l]);
}

inline void products_of_single(Real* __restrict target, const Real* __restrict weights,
                               const Real* __restrict source, const Real* __restrict bias, int n_post, int n_pre,
                               int chips)
{
    int first = 0;
    for (; first + 2 * LANES <= chips; first += 2 * LANES)
    {
        int i = 0;
        for (; i + 4 <= n_post; i += 4)
            rows_of_single<4, 2>(target, weights, source, bias, i, n_pre, chips, first);
        for (; i < n_post; i++) rows_of_single<1, 2>(target, weights, source, bias, i, n_pre, chips, first);
    }
    for (; first + LANES <= chips; first += LANES)
        for (int i = 0; i < n_post; i++) rows_of_single<1, 1>(target, weights, source, bias, i, n_pre, chips, first);
    for (; first < chips; first++)
        for (int i = 0; i < n_post; i++)
        {
            Real sum = bias ? bias[(int64_t)i * chips + first] : 0;
            for (int j = 0; j < n_pre; j++)
                sum += weights[((int64_t)i * n_pre + j) * chips + first] * source[(int64_t)j * chips + first];
            target[(int64_t)i * chips + first] = sum;
        }
}

// The rows i, …, i + ROWS − 1 of one chip in registers so many columns apart; every number of a column serves them all.
template <int ROWS, int WIDE>
inline void block_of_chip(Real* __restrict target, const Real* __restrict weights, const Real* __restrict source,
                          const Real* __restrict bias, int i, int n_pre, int chips, int64_t width, int chip, int apart)
{
    Lanes sums[ROWS][WIDE];
    for (int k = 0; k < ROWS; k++)
        for (int l = 0; l < WIDE; l++) sums[k][l] = all(bias ? bias[(int64_t)(i + k) * chips + chip] : 0);
    const Real* w = weights + (int64_t)i * n_pre * chips + chip;
    for (int j = 0; j < n_pre; j++, w += chips, source += width)
    {
        Lanes rates[WIDE];
        for (int l = 0; l < WIDE; l++) rates[l] = load(source + l * apart);
        for (int k = 0; k < ROWS; k++)
        {
            const Lanes weight = all(w[(int64_t)k * n_pre * chips]);
            for (int l = 0; l < WIDE; l++) sums[k][l] += weight * rates[l];
        }
    }
    for (int k = 0; k < ROWS; k++)
        for (int l = 0; l < WIDE; l++) store(target + (i + k) * width + l * apart, sums[k][l]);
}

template <int ROWS>
inline void rows_of_chip(Real* target, const Real* weights, const Real* source, const Real* bias, int i, int n_pre,
                         int chips, int columns, int chip)
{
    const int64_t width = (int64_t)chips * columns, offset = (int64_t)chip * columns;
    target += offset;
    source += offset;
    if (columns < LANES)
    {
        for (int column = 0; column < columns; column++)
            for (int k = 0; k < ROWS; k++)
            {
                Real sum = bias ? bias[(int64_t)(i + k) * chips + chip] : 0;
                for (int j = 0; j < n_pre; j++)
                    sum += weights[((int64_t)(i + k) * n_pre + j) * chips + chip] * source[j * width + column];
                target[(i + k) * width + column] = sum;
            }
        return;
    }
    for (int column = 0; column < columns; column += 2 * LANES)
    {
        // at the end some columns twice, to the same sums, rather than the last of them one by one
        const int left = columns - column, here = std::min(column, columns - LANES);
        if (left <= LANES)
            block_of_chip<ROWS, 1>(target + here, weights, source + here, bias, i, n_pre, chips, width, chip, 0);
        else
            block_of_chip<ROWS, 2>(target + here, weights, source + here, bias, i, n_pre, chips, width, chip,
                                   std::min(LANES, left - LANES));
    }
}

inline void products(Real* target, const Real* weights, const Real* source, const Real* bias, int n_post, int n_pre,
                     int chips, int columns)
{
    if (columns == 1) return products_of_single(target, weights, source, bias, n_post, n_pre, chips);
    for (int chip = 0; chip < chips; chip++)
        for (int i = 0, rows; i < n_post; i += rows)
            switch (rows = part_of(n_post - i, 6))  // twelve sums stay in registers
            {
            case 1: rows_of_chip<1>(target, weights, source, bias, i, n_pre, chips, columns, chip); break;
            case 2: rows_of_chip<2>(target, weights, source, bias, i, n_pre, chips, columns, chip); break;
            case 3: rows_of_chip<3>(target, weights, source, bias, i, n_pre, chips, columns, chip); break;
            case 4: rows_of_chip<4>(target, weights, source, bias, i, n_pre, chips, columns, chip); break;
            case 5: rows_of_chip<5>(target, weights, source, bias, i, n_pre, chips, columns, chip); break;
            default: rows_of_chip<6>(target, weights, source, bias, i, n_pre, chips, columns, chip);
            }
}

// The weights (i …, j …) of one chip; post and pre start at its columns.
template <int ROWS, int WIDE>
inline void sums_of_chip(Real* __restrict target, const Real* __restrict post, const Real* __restrict pre, int i, int j,
                         int n_pre, int chips, int64_t width, int columns, int chip, bool accumulate)
{
    post += i * width;
    pre += j * width;
    Lanes sums[ROWS][WIDE];
    for (int k = 0; k < ROWS; k++)
        for (int l = 0; l < WIDE; l++) sums[k][l] = Lanes{};
    int column = 0;
    for (; column + LANES <= columns; column += LANES)
    {
        Lanes rates[WIDE];
        for (int l = 0; l < WIDE; l++) rates[l] = load(pre + l * width + column);
        for (int k = 0; k < ROWS; k++)
        {
            const Lanes p = load(post + k * width + column);
            for (int l = 0; l < WIDE; l++) sums[k][l] += p * rates[l];
        }
    }
    for (int k = 0; k < ROWS; k++)
        for (int l = 0; l < WIDE; l++)
        {
            Real sum = 0;
            for (int lane = 0; lane < LANES; lane++) sum += sums[k][l][lane];
            for (int rest = column; rest < columns; rest++) sum += post[k * width + rest] * pre[l * width + rest];
            Real& weight = target[((int64_t)(i + k) * n_pre + j + l) * chips + chip];
            weight = accumulate ? weight + sum : sum;
        }
}

template <int ROWS>
inline void outer_rows_of_chip(Real* target, const Real* post, const Real* pre, int i, int n_pre, int chips,
                               int64_t width, int columns, int chip, bool accumulate)
{
    for (int j = 0, wide; j < n_pre; j += wide)
        switch (wide = part_of(n_pre - j, 3))
        {
        case 1: sums_of_chip<ROWS, 1>(target, post, pre, i, j, n_pre, chips, width, columns, chip, accumulate); break;
        case 2: sums_of_chip<ROWS, 2>(target, post, pre, i, j, n_pre, chips, width, columns, chip, accumulate); break;
        default: sums_of_chip<ROWS, 3>(target, post, pre, i, j, n_pre, chips, width, columns, chip, accumulate);
        }
}

// target (+)= post · preᵀ.
inline void outers(Real* target, const Real* post, const Real* pre, int n_post, int n_pre, int chips, int columns,
                   bool accumulate)
{
    const int64_t width = (int64_t)chips * columns;
    for (int chip = 0; chip < chips; chip++, post += columns, pre += columns)
        for (int i = 0, rows; i < n_post; i += rows)
            switch (rows = part_of(n_post - i, 4))
            {
            case 1: outer_rows_of_chip<1>(target, post, pre, i, n_pre, chips, width, columns, chip, accumulate); break;
            case 2: outer_rows_of_chip<2>(target, post, pre, i, n_pre, chips, width, columns, chip, accumulate); break;
            case 3: outer_rows_of_chip<3>(target, post, pre, i, n_pre, chips, width, columns, chip, accumulate); break;
            default: outer_rows_of_chip<4>(target, post, pre, i, n_pre, chips, width, columns, chip, accumulate);
            }
}

// target += Σ post · preᵀ over steps, one column a chip: of one step that is all memory and little work.
class CollectedOuters
{
    const int n_post, n_pre, chips, most;
    std::vector<Real> posts, pres;
    int collected = 0;

public:
    CollectedOuters(int n_post, int n_pre, int chips, int most)
        : n_post(n_post), n_pre(n_pre), chips(chips), most(most), posts((size_t)most * n_post * chips),
          pres((size_t)most * n_pre * chips)
    {
    }

    void add(Real* target, const Real* post, const Real* pre, bool last)
    {
        std::memcpy(&posts[(size_t)collected * n_post * chips], post, sizeof(Real) * n_post * chips);
        std::memcpy(&pres[(size_t)collected * n_pre * chips], pre, sizeof(Real) * n_pre * chips);
        if (++collected < most && !last) return;
        const int whole = chips / LANES * LANES;
        for (int first = 0; first < whole; first += LANES)
            for (int i = 0; i < n_post; i++)
            {
                int j = 0;
                for (; j + 4 <= n_pre; j += 4) sum<4>(target, i, j, first);
                for (; j < n_pre; j++) sum<1>(target, i, j, first);
            }
        for (int step = 0; step < collected && whole < chips; step++)
            for (int i = 0; i < n_post; i++)
                for (int j = 0; j < n_pre; j++)
                    for (int chip = whole; chip < chips; chip++)
                        target[((int64_t)i * n_pre + j) * chips + chip] +=
                            posts[((size_t)step * n_post + i) * chips + chip] *
                            pres[((size_t)step * n_pre + j) * chips + chip];
        collected = 0;
    }

private:
    template <int WIDE> void sum(Real* target, int i, int j, int first)
    {
        Lanes sums[WIDE];
        for (int k = 0; k < WIDE; k++) sums[k] = load(target + ((int64_t)i * n_pre + j + k) * chips + first);
        for (int step = 0; step < collected; step++)
        {
            const Lanes p = load(&posts[((size_t)step * n_post + i) * chips + first]);
            for (int k = 0; k < WIDE; k++)
                sums[k] += p * load(&pres[((size_t)step * n_pre + j + k) * chips + first]);
        }
        for (int k = 0; k < WIDE; k++) store(target + ((int64_t)i * n_pre + j + k) * chips + first, sums[k]);
    }
};

}  // namespace neurosim

#endif
