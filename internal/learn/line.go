package learn

import (
	"math"
	"slices"
)

// line is a model of durations: y = (b1 x1 + b2 x2 + ...) (1 + c o), fitted by least absolute deviations, since
// waits have long tails that squares would follow.
type line struct {
	y, others []float64
	columns   [][]float64 // the xs
}

// mostPoints bounds the work; beyond it every nth call is taken.
const mostPoints = 20_000

// thinned returns the line with mostPoints points at most.
func (l line) thinned() line {
	step := (len(l.y) + mostPoints - 1) / mostPoints
	if step <= 1 {
		return l
	}
	thin := func(list []float64) (few []float64) {
		for i := 0; i < len(list); i += step {
			few = append(few, list[i])
		}
		return few
	}
	out := line{y: thin(l.y), others: thin(l.others)}
	for _, c := range l.columns {
		out.columns = append(out.columns, thin(c))
	}
	return out
}

// solve returns the bs for a given c and the sum of absolute deviations, by iteratively reweighted least squares.
func (l line) solve(c float64) (b []float64, loss float64) {
	k := len(l.columns)
	b = make([]float64, k)
	scale := make([]float64, k) // columns of like size, for the sake of the arithmetic
	for j, column := range l.columns {
		for _, v := range column {
			scale[j] = max(scale[j], math.Abs(v))
		}
		scale[j] = max(scale[j], 1e-12)
	}
	weights := make([]float64, len(l.y))
	for i := range weights {
		weights[i] = 1
	}
	floor := 1e-5*mean(l.y) + 1e-12
	const rounds = 40
	for range rounds {
		a := make([][]float64, k)
		for j := range a {
			a[j] = make([]float64, k+1)
		}
		for i, y := range l.y {
			crowd := 1 + c*l.others[i]
			for j := range k {
				xj := l.columns[j][i] / scale[j] * crowd * weights[i]
				for m := range k {
					a[j][m] += xj * l.columns[m][i] / scale[m] * crowd
				}
				a[j][k] += xj * y
			}
		}
		next := gauss(a)
		moved := 0.0
		for j := range k {
			moved = max(moved, math.Abs(next[j]-b[j]*scale[j]))
			b[j] = next[j] / scale[j]
		}
		loss = 0
		for i, r := range l.residuals(b, c) {
			loss += math.Abs(r)
			weights[i] = 1 / max(math.Abs(r), floor)
		}
		if moved < 1e-9 {
			break
		}
	}
	return b, loss
}

func (l line) residuals(b []float64, c float64) []float64 {
	r := make([]float64, len(l.y))
	for i, y := range l.y {
		fitted := 0.0
		for j := range b {
			fitted += b[j] * l.columns[j][i]
		}
		r[i] = y - fitted*(1+c*l.others[i])
	}
	return r
}

// crowding finds c between 0 and 1, with its standard error, by golden section on the loss.
func (l line) crowding() (c, se float64) {
	ratio := (math.Sqrt(5) - 1) / 2
	low, high := 0.0, 1.0
	x, y := high-ratio*(high-low), low+ratio*(high-low)
	_, fx := l.solve(x)
	_, fy := l.solve(y)
	for high-low > 1e-5 {
		if fx <= fy {
			high, y, fy = y, x, fx
			x = high - ratio*(high-low)
			_, fx = l.solve(x)
		} else {
			low, x, fx = x, y, fy
			y = low + ratio*(high-low)
			_, fy = l.solve(y)
		}
	}
	c = (low + high) / 2
	b, _ := l.solve(c)
	_, se = l.errors(b, c)
	const resolution = 1e-4 // of what matters; the search ends a tenth below
	return c, max(se, resolution)
}

// errors are the standard errors of the bs and of c: those of a median regression, s/2 times the root of
// the diagonal of (X'X)^-1, where s is the sparsity, the slope of the residuals' quantiles at the median (Koenker, 2005, 3.4).
func (l line) errors(b []float64, c float64) (each []float64, crowd float64) {
	k, n := len(b), len(l.y)
	residuals := l.residuals(b, c)
	for i := range residuals {
		residuals[i] /= 1 + c*l.others[i]
	}
	slices.Sort(residuals)
	h := min(0.25, math.Pow(float64(n), -0.2))
	sparsity := (quantile(residuals, 0.5+h) - quantile(residuals, 0.5-h)) / (2 * h)
	// The last column is how the fitted value changes with c.
	information := make([][]float64, k+1)
	for j := range information {
		information[j] = make([]float64, k+1)
	}
	x := make([]float64, k+1)
	for i := range l.y {
		fitted := 0.0
		for j := range b {
			x[j] = l.columns[j][i]
			fitted += b[j] * x[j]
		}
		x[k] = l.others[i] * fitted / (1 + c*l.others[i])
		for j := range x {
			for m := range x {
				information[j][m] += x[j] * x[m]
			}
		}
	}
	each = make([]float64, k+1)
	for j := range each {
		each[j] = sparsity / 2 * math.Sqrt(max(0, inverseAt(information, j)))
	}
	return each[:k], each[k]
}

// inverseAt is an element of the diagonal of a matrix's inverse, infinite if there is none.
func inverseAt(m [][]float64, j int) float64 {
	if m[j][j] == 0 {
		return math.Inf(1)
	}
	n := len(m)
	a := make([][]float64, n)
	scale := make([]float64, n)
	for i := range m {
		scale[i] = math.Sqrt(max(m[i][i], 1e-300))
	}
	for i := range m {
		a[i] = make([]float64, n+1)
		for k := range m[i] {
			a[i][k] = m[i][k] / scale[i] / scale[k]
		}
	}
	a[j][n] = 1
	v := gauss(a)[j] / scale[j] / scale[j]
	if v <= 0 || math.IsNaN(v) {
		return math.Inf(1)
	}
	return v
}

// gauss solves a system of linear equations, the right sides in the last column. Unknowns that it leaves open are 0.
func gauss(a [][]float64) []float64 {
	n := len(a)
	for i := range n {
		pivot := i
		for r := i + 1; r < n; r++ {
			if math.Abs(a[r][i]) > math.Abs(a[pivot][i]) {
				pivot = r
			}
		}
		a[i], a[pivot] = a[pivot], a[i]
		if math.Abs(a[i][i]) < 1e-12 {
			continue
		}
		for r := range n {
			if r == i {
				continue
			}
			ratio := a[r][i] / a[i][i]
			for k := i; k <= n; k++ {
				a[r][k] -= ratio * a[i][k]
			}
		}
	}
	x := make([]float64, n)
	for i := range n {
		if math.Abs(a[i][i]) >= 1e-12 {
			x[i] = a[i][n] / a[i][i]
		}
	}
	return x
}

func mean(list []float64) float64 {
	sum := 0.0
	for _, v := range list {
		sum += v
	}
	return sum / float64(max(1, len(list)))
}
