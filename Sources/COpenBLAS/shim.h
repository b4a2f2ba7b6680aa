#include <cblas.h>
#include <stddef.h>

// The routines of LAPACK that OpenBLAS brings, as Fortran exports them: every argument by address,
// then the lengths of the strings. Matrices are stored by columns.
#define HALFTONE_LAPACK(p, real)                                                                  \
    void p##potrf_(const char *uplo, const blasint *n, real *a, const blasint *lda,               \
                   blasint *info, size_t);                                                        \
    void p##potrs_(const char *uplo, const blasint *n, const blasint *nrhs, const real *a,        \
                   const blasint *lda, real *b, const blasint *ldb, blasint *info, size_t);       \
    void p##trtrs_(const char *uplo, const char *trans, const char *diag, const blasint *n,       \
                   const blasint *nrhs, const real *a, const blasint *lda, real *b,               \
                   const blasint *ldb, blasint *info, size_t, size_t, size_t);                    \
    void p##trtri_(const char *uplo, const char *diag, const blasint *n, real *a,                 \
                   const blasint *lda, blasint *info, size_t, size_t);                            \
    void p##getrf_(const blasint *m, const blasint *n, real *a, const blasint *lda,               \
                   blasint *ipiv, blasint *info);                                                 \
    void p##getrs_(const char *trans, const blasint *n, const blasint *nrhs, const real *a,       \
                   const blasint *lda, const blasint *ipiv, real *b, const blasint *ldb,          \
                   blasint *info, size_t);                                                        \
    void p##getri_(const blasint *n, real *a, const blasint *lda, const blasint *ipiv,            \
                   real *work, const blasint *lwork, blasint *info);                              \
    void p##syevd_(const char *jobz, const char *uplo, const blasint *n, real *a,                 \
                   const blasint *lda, real *w, real *work, const blasint *lwork, blasint *iwork, \
                   const blasint *liwork, blasint *info, size_t, size_t);                         \
    void p##gesdd_(const char *jobz, const blasint *m, const blasint *n, real *a,                 \
                   const blasint *lda, real *s, real *u, const blasint *ldu, real *vt,            \
                   const blasint *ldvt, real *work, const blasint *lwork, blasint *iwork,         \
                   blasint *info, size_t);                                                        \
    void p##geqrf_(const blasint *m, const blasint *n, real *a, const blasint *lda, real *tau,    \
                   real *work, const blasint *lwork, blasint *info);                              \
    void p##orgqr_(const blasint *m, const blasint *n, const blasint *k, real *a,                 \
                   const blasint *lda, const real *tau, real *work, const blasint *lwork,         \
                   blasint *info);                                                                \
    void p##gelsd_(const blasint *m, const blasint *n, const blasint *nrhs, real *a,              \
                   const blasint *lda, real *b, const blasint *ldb, real *s, const real *rcond,   \
                   blasint *rank, real *work, const blasint *lwork, blasint *iwork,               \
                   blasint *info);

HALFTONE_LAPACK(s, float)
HALFTONE_LAPACK(d, double)

#undef HALFTONE_LAPACK
