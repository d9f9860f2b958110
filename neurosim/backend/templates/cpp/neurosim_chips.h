// Matrix products of many chips side by side, each with matrices of its own: (n_post, n_pre, chips) times
// (n_pre, chips, columns). With one column for each chip the chips are the lanes of a vector, otherwise the columns.
#ifndef NEUROSIM_CHIPS_H
#define NEUROSIM_CHIPS_H

#include <cstdint>
#include <cstring>
#include <vector>

namespace neurosim {

// 64 bytes of numbers that need not lie at a multiple of 64; compilers make two or four of narrower registers of it.
typedef double Lanes __attribute__((vector_size(64), aligned(8), may_alias));
static const int LANES = 8;

inline Lanes load(const double* from) { return *(const Lanes*)from; }
inline void store(double* to, Lanes values) { *(Lanes*)to = values; }
inline Lanes all(double value) { return Lanes{} + value; }

// target = weights · source + bias, one column a chip.
inline void products_of_single(double* __restrict target, const double* __restrict weights,
                               const double* __restrict source, const double* __restrict bias, int n_post, int n_pre,
                               int chips)
{
    int first = 0;
    for (; first + 2 * LANES <= chips; first += 2 * LANES)
        for (int i = 0; i < n_post; i++)
        {
            Lanes low = bias ? load(bias + (int64_t)i * chips + first) : Lanes{};
            Lanes high = bias ? load(bias + (int64_t)i * chips + first + LANES) : Lanes{};
            const double* w = weights + (int64_t)i * n_pre * chips + first;
            const double* r = source + first;
            for (int j = 0; j < n_pre; j++, w += chips, r += chips)
            {
                low += load(w) * load(r);
                high += load(w + LANES) * load(r + LANES);
            }
            store(target + (int64_t)i * chips + first, low);
            store(target + (int64_t)i * chips + first + LANES, high);
        }
    for (; first < chips; first++)
        for (int i = 0; i < n_post; i++)
        {
            double sum = bias ? bias[(int64_t)i * chips + first] : 0.0;
            for (int j = 0; j < n_pre; j++)
                sum += weights[((int64_t)i * n_pre + j) * chips + first] * source[(int64_t)j * chips + first];
            target[(int64_t)i * chips + first] = sum;
        }
}

// The rows i, …, i + ROWS − 1 of one chip; every number of a column serves them all.
template <int ROWS>
inline void rows_of_chip(double* __restrict target, const double* __restrict weights, const double* __restrict source,
                         const double* __restrict bias, int i, int n_pre, int chips, int columns, int chip)
{
    const int64_t width = (int64_t)chips * columns, offset = (int64_t)chip * columns;
    int column = 0;
    for (; column + LANES <= columns; column += LANES)
    {
        Lanes sums[ROWS];
        for (int k = 0; k < ROWS; k++) sums[k] = all(bias ? bias[(int64_t)(i + k) * chips + chip] : 0.0);
        for (int j = 0; j < n_pre; j++)
        {
            const Lanes r = load(source + j * width + offset + column);
            for (int k = 0; k < ROWS; k++) sums[k] += weights[((int64_t)(i + k) * n_pre + j) * chips + chip] * r;
        }
        for (int k = 0; k < ROWS; k++) store(target + (i + k) * width + offset + column, sums[k]);
    }
    for (; column < columns; column++)
        for (int k = 0; k < ROWS; k++)
        {
            double sum = bias ? bias[(int64_t)(i + k) * chips + chip] : 0.0;
            for (int j = 0; j < n_pre; j++)
                sum += weights[((int64_t)(i + k) * n_pre + j) * chips + chip] * source[j * width + offset + column];
            target[(i + k) * width + offset + column] = sum;
        }
}

inline void products(double* target, const double* weights, const double* source, const double* bias, int n_post,
                     int n_pre, int chips, int columns)
{
    if (columns == 1) return products_of_single(target, weights, source, bias, n_post, n_pre, chips);
    for (int chip = 0; chip < chips; chip++)
    {
        int i = 0;
        for (; i + 4 <= n_post; i += 4)
            rows_of_chip<4>(target, weights, source, bias, i, n_pre, chips, columns, chip);
        for (; i < n_post; i++) rows_of_chip<1>(target, weights, source, bias, i, n_pre, chips, columns, chip);
    }
}

// target (+)= post · preᵀ.
inline void outers(double* __restrict target, const double* __restrict post, const double* __restrict pre, int n_post,
                   int n_pre, int chips, int columns, bool accumulate)
{
    const int64_t width = (int64_t)chips * columns;
    for (int i = 0; i < n_post; i++)
        for (int j = 0; j < n_pre; j++)
        {
            double* sums = target + ((int64_t)i * n_pre + j) * chips;
            const double* p = post + i * width;
            const double* r = pre + j * width;
            for (int chip = 0; chip < chips; chip++)
            {
                double sum = 0.0;
                for (int column = 0; column < columns; column++)
                    sum += p[chip * columns + column] * r[chip * columns + column];
                sums[chip] = accumulate ? sums[chip] + sum : sum;
            }
        }
}

// target += Σ post · preᵀ over steps, one column a chip: of one step that is all memory and little work.
class CollectedOuters
{
    const int n_post, n_pre, chips, most;
    std::vector<double> posts, pres;
    int collected = 0;

public:
    CollectedOuters(int n_post, int n_pre, int chips, int most)
        : n_post(n_post), n_pre(n_pre), chips(chips), most(most), posts((size_t)most * n_post * chips),
          pres((size_t)most * n_pre * chips)
    {
    }

    void add(double* target, const double* post, const double* pre, bool last)
    {
        std::memcpy(&posts[(size_t)collected * n_post * chips], post, sizeof(double) * n_post * chips);
        std::memcpy(&pres[(size_t)collected * n_pre * chips], pre, sizeof(double) * n_pre * chips);
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
    template <int WIDE> void sum(double* target, int i, int j, int first)
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
