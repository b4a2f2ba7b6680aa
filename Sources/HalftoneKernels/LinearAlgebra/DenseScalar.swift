import COpenBLAS

/// The number types that LAPACK computes in: `Float` and `Double`.
public protocol DenseScalar: BinaryFloatingPoint, BitwiseCopyable, Sendable {
    /// The library's routines for the type.
    static var routines: DenseRoutines<Self> { get }
}

/// The routines of BLAS and LAPACK for one number type.
@safe
public struct DenseRoutines<Scalar>: Sendable {
    typealias Pointer = UnsafeMutablePointer<Scalar>
    typealias Input = UnsafePointer<Scalar>
    typealias Int1 = UnsafePointer<blasint>
    typealias Int1Out = UnsafeMutablePointer<blasint>
    typealias Text = UnsafePointer<CChar>

    let multiply:
        @Sendable (
            CBLAS_TRANSPOSE, CBLAS_TRANSPOSE, blasint, blasint, blasint, Input, blasint, Input,
            blasint, Pointer, blasint
        ) -> Void
    let potrf: @Sendable (Text?, Int1?, Pointer?, Int1?, Int1Out?, Int) -> Void
    let potrs:
        @Sendable (Text?, Int1?, Int1?, Input?, Int1?, Pointer?, Int1?, Int1Out?, Int) -> Void
    let trtrs:
        @Sendable (
            Text?, Text?, Text?, Int1?, Int1?, Input?, Int1?, Pointer?, Int1?, Int1Out?, Int, Int,
            Int
        ) -> Void
    let getrf: @Sendable (Int1?, Int1?, Pointer?, Int1?, Int1Out?, Int1Out?) -> Void
    let getrs:
        @Sendable (
            Text?, Int1?, Int1?, Input?, Int1?, Int1?, Pointer?, Int1?, Int1Out?, Int
        ) -> Void
    let getri: @Sendable (Int1?, Pointer?, Int1?, Int1?, Pointer?, Int1?, Int1Out?) -> Void
    let syevd:
        @Sendable (
            Text?, Text?, Int1?, Pointer?, Int1?, Pointer?, Pointer?, Int1?, Int1Out?, Int1?,
            Int1Out?, Int, Int
        ) -> Void
    let gesdd:
        @Sendable (
            Text?, Int1?, Int1?, Pointer?, Int1?, Pointer?, Pointer?, Int1?, Pointer?, Int1?,
            Pointer?, Int1?, Int1Out?, Int1Out?, Int
        ) -> Void
    let geqrf:
        @Sendable (Int1?, Int1?, Pointer?, Int1?, Pointer?, Pointer?, Int1?, Int1Out?) -> Void
    let orgqr:
        @Sendable (
            Int1?, Int1?, Int1?, Pointer?, Int1?, Input?, Pointer?, Int1?, Int1Out?
        ) -> Void
    let gelsd:
        @Sendable (
            Int1?, Int1?, Int1?, Pointer?, Int1?, Pointer?, Int1?, Pointer?, Input?, Int1Out?,
            Pointer?, Int1?, Int1Out?, Int1Out?
        ) -> Void
}

extension Float: DenseScalar {
    /// LAPACK's single precision.
    public static let routines = unsafe DenseRoutines<Float>(
        multiply: {
            unsafe cblas_sgemm(
                CblasRowMajor, $0, $1, $2, $3, $4, 1, $5, $6, $7, $8, 0, $9, $10)
        },
        potrf: { unsafe spotrf_($0, $1, $2, $3, $4, $5) },
        potrs: { unsafe spotrs_($0, $1, $2, $3, $4, $5, $6, $7, $8) },
        trtrs: { unsafe strtrs_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) },
        getrf: { unsafe sgetrf_($0, $1, $2, $3, $4, $5) },
        getrs: { unsafe sgetrs_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
        getri: { unsafe sgetri_($0, $1, $2, $3, $4, $5, $6) },
        syevd: { unsafe ssyevd_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) },
        gesdd: {
            unsafe sgesdd_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        },
        geqrf: { unsafe sgeqrf_($0, $1, $2, $3, $4, $5, $6, $7) },
        orgqr: { unsafe sorgqr_($0, $1, $2, $3, $4, $5, $6, $7, $8) },
        gelsd: {
            unsafe sgelsd_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        })
}

extension Double: DenseScalar {
    /// LAPACK's double precision.
    public static let routines = unsafe DenseRoutines<Double>(
        multiply: {
            unsafe cblas_dgemm(
                CblasRowMajor, $0, $1, $2, $3, $4, 1, $5, $6, $7, $8, 0, $9, $10)
        },
        potrf: { unsafe dpotrf_($0, $1, $2, $3, $4, $5) },
        potrs: { unsafe dpotrs_($0, $1, $2, $3, $4, $5, $6, $7, $8) },
        trtrs: { unsafe dtrtrs_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) },
        getrf: { unsafe dgetrf_($0, $1, $2, $3, $4, $5) },
        getrs: { unsafe dgetrs_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9) },
        getri: { unsafe dgetri_($0, $1, $2, $3, $4, $5, $6) },
        syevd: { unsafe dsyevd_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) },
        gesdd: {
            unsafe dgesdd_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
        },
        geqrf: { unsafe dgeqrf_($0, $1, $2, $3, $4, $5, $6, $7) },
        orgqr: { unsafe dorgqr_($0, $1, $2, $3, $4, $5, $6, $7, $8) },
        gelsd: {
            unsafe dgelsd_($0, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
        })
}

/// The letters that LAPACK takes as options.
enum LapackLetter {
    /// Calls a closure with the addresses of letters.
    @unsafe
    static func with<Result>(
        _ letters: String, _ body: (UnsafePointer<CChar>) -> Result
    ) -> Result {
        unsafe letters.withCString { unsafe body($0) }
    }
}
