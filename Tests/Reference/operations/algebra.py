"""Fourier transforms and small dense linear algebra."""

import torch

from .case import case, definite, normal, operation


@operation
def fourier(x, *, inverse, norm):
    """Discrete Fourier transform along the last axis but one; the last holds real and imaginary
    parts. norm: backward (1/n on the inverse) or ortho (1/√n on both)."""
    transform = torch.fft.ifft if inverse else torch.fft.fft
    return torch.view_as_real(transform(torch.view_as_complex(x), norm=norm))


@operation
def realFourier(x, *, norm):
    """Frequencies 0...n/2 of a real last axis, real and imaginary parts in a new last axis."""
    return torch.view_as_real(torch.fft.rfft(x, norm=norm))


@operation
def inverseRealFourier(x, *, length, norm):
    """The real signal of `length` whose frequencies 0...length/2 these are; the imaginary parts of
    the first, and for an even length of the last, do not count."""
    return torch.fft.irfft(torch.view_as_complex(x), length, norm=norm)


@operation
def realFourier2d(x, *, norm):
    """realFourier along the last axis, then fourier along the one before it."""
    return torch.view_as_real(torch.fft.rfft2(x, norm=norm))


case(fourier, "even", x=normal(2, 8, 2), inverse=False, norm="backward")
case(fourier, "odd", x=normal(2, 7, 2), inverse=False, norm="ortho")
case(fourier, "inverse", x=normal(2, 6, 2), inverse=True, norm="backward")
case(realFourier, "even", x=normal(3, 8), norm="backward")
case(realFourier, "odd", x=normal(3, 5), norm="ortho")
case(inverseRealFourier, "even", x=normal(2, 5, 2), length=8, norm="backward")
case(inverseRealFourier, "odd", x=normal(2, 3, 2), length=5, norm="ortho")
case(realFourier2d, "plain", x=normal(2, 4, 6), norm="backward")


@operation
def cholesky(x):
    """Lower triangular L with L Lᵀ = x, which is symmetric; the gradient is symmetric too, half of
    each off-diagonal element's on either side."""
    return torch.linalg.cholesky((x + x.mT) / 2)


@operation
def solve(a, b):
    """a⁻¹ b for square a."""
    return torch.linalg.solve(a, b)


@operation
def solveTriangular(a, b, *, upper):
    """a⁻¹ b reading one triangle of a, whose gradient stays in that triangle."""
    return torch.linalg.solve_triangular(a, b, upper=upper)


@operation
def inverse(x):
    """The inverse matrix."""
    return torch.linalg.inv(x)


@operation
def logDeterminant(x):
    """ln |det x|."""
    return torch.linalg.slogdet(x).logabsdet


@operation
def singularValues(x):
    """Singular values in falling order."""
    return torch.linalg.svdvals(x)


@operation
def lowRank(x, *, rank):
    """The nearest matrix of this rank: the SVD with the smaller singular values dropped, which does
    not depend on the signs that an SVD leaves open."""
    u, s, v = torch.linalg.svd(x, full_matrices=False)
    return (u[..., :rank] * s[..., None, :rank]) @ v[..., :rank, :]


@operation
def symmetricEigenvalues(x):
    """Eigenvalues in rising order of the symmetric part of x."""
    return torch.linalg.eigvalsh((x + x.mT) / 2)


case(cholesky, "plain", x=definite(4))
case(cholesky, "batched", x=definite(2, 3))
case(solve, "plain", a=definite(4), b=normal(4, 3))
case(solve, "batched", a=definite(2, 3), b=normal(2, 3, 2))
case(solveTriangular, "lower", a=definite(4), b=normal(4, 2), upper=False)
case(solveTriangular, "upper", a=definite(4), b=normal(4, 2), upper=True)
case(inverse, "plain", x=definite(4))
case(inverse, "batched", x=definite(2, 3))
case(logDeterminant, "plain", x=definite(4))
case(singularValues, "tall", x=normal(5, 3))
case(singularValues, "wide", x=normal(2, 3, 4))
case(lowRank, "tall", x=normal(5, 3), rank=2)
case(symmetricEigenvalues, "plain", x=normal(4, 4))
