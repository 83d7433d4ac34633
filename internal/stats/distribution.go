package stats

import "math"

// z975 is the 97.5 % point of the normal distribution: every interval here has level 95 %.
const z975 = 1.959963984540054

// tail is the probability left out on each side of an interval.
const tail = 0.025

// incompleteBeta is the regularised incomplete beta function I_x(a, b), by
// Lentz's evaluation of its continued fraction (Numerical Recipes, 6.4).
func incompleteBeta(x, a, b float64) float64 {
	switch {
	case x <= 0:
		return 0
	case x >= 1:
		return 1
	case x > (a+1)/(a+b+2):
		return 1 - incompleteBeta(1-x, b, a)
	}
	la, _ := math.Lgamma(a)
	lb, _ := math.Lgamma(b)
	lab, _ := math.Lgamma(a + b)
	front := math.Exp(a*math.Log(x)+b*math.Log1p(-x)+lab-la-lb) / a
	const tiny = 1e-300
	guard := func(v float64) float64 {
		if math.Abs(v) < tiny {
			return tiny
		}
		return v
	}
	f, c, d := 1.0, 1.0, 0.0
	for i := range 1000 {
		m := float64(i / 2)
		var numerator float64
		switch {
		case i == 0:
			numerator = 1
		case i%2 == 0:
			numerator = m * (b - m) * x / ((a + 2*m - 1) * (a + 2*m))
		default:
			numerator = -(a + m) * (a + b + m) * x / ((a + 2*m) * (a + 2*m + 1))
		}
		d = 1 / guard(1+numerator*d)
		c = guard(1 + numerator/c)
		f *= c * d
		if math.Abs(1-c*d) < 1e-12 {
			break
		}
	}
	return front * (f - 1)
}

// binomialCDF is P(X <= k) of n trials with probability p.
func binomialCDF(k, n int, p float64) float64 {
	switch {
	case k < 0:
		return 0
	case k >= n:
		return 1
	}
	return incompleteBeta(1-p, float64(n-k), float64(k+1))
}

// studentT is the 97.5 % point of Student's t distribution (Cornish and Fisher's
// expansion: within 0.1 % from 10 degrees of freedom on, and no fewer occur here).
func studentT(df float64) float64 {
	z := z975
	z3, z5 := z*z*z, z*z*z*z*z
	return z + (z3+z)/(4*df) + (5*z5+16*z3+3*z)/(96*df*df)
}
