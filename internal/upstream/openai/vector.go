package openai

import (
	"math"
	"strings"
)

// How much a word that means little counts, beside 1 for others, and a text as a whole beside its words.
const (
	weightOfCommon = 0.1
	weightOfWhole  = 0.35
)

// embed returns a unit vector for a text: the sum of a random direction for each of its words and one for the
// text as a whole. Equal texts have equal vectors in every run, texts that share words are near each other, and others
// at right angles but for chance (1/sqrt(size)). It knows nothing of what words mean. Models differ in their directions.
func embed(model, text string, size int) []float32 {
	sum := make([]float32, size)
	counts := map[string]int{}
	var words []string // in order: sums of floats depend on it
	for _, w := range strings.FieldsFunc(strings.ToLower(text), notInWord) {
		w = stem(w)
		if counts[w]++; counts[w] == 1 {
			words = append(words, w)
		}
	}
	squares := 0.0
	for _, w := range words {
		weight := 1 + math.Log(float64(counts[w]))
		if len(w) < 3 || common(w) {
			weight *= weightOfCommon
		}
		squares += weight * weight
		point(sum, model+"\x00"+w, float32(weight))
	}
	whole := 1.0
	if squares > 0 {
		whole = weightOfWhole * math.Sqrt(squares)
	}
	point(sum, model+"\x01"+text, float32(whole))
	return unit(sum)
}

// point adds the direction that a name stands for: 1 or -1 in each dimension, times a weight.
func point(sum []float32, name string, weight float32) {
	seed := uint64(14695981039346656037) // FNV-1a
	for i := range len(name) {
		seed = (seed ^ uint64(name[i])) * 1099511628211
	}
	var bits uint64
	for i := range sum {
		if i%64 == 0 { // SplitMix64 (Steele, Lea, Flood 2014)
			seed += 0x9e3779b97f4a7c15
			bits = (seed ^ seed>>30) * 0xbf58476d1ce4e5b9
			bits = (bits ^ bits>>27) * 0x94d049bb133111eb
			bits ^= bits >> 31
		}
		if bits>>(i%64)&1 == 1 {
			sum[i] += weight
		} else {
			sum[i] -= weight
		}
	}
}

// unit gives a vector the length 1.
func unit(vector []float32) []float32 {
	squares := 0.0
	for _, v := range vector {
		squares += float64(v) * float64(v)
	}
	if squares == 0 {
		squares, vector[0] = 1, 1 // opposite words can cancel out
	}
	scale := 1 / math.Sqrt(squares)
	for i := range vector {
		vector[i] = float32(float64(vector[i]) * scale)
	}
	return vector
}
