package agg

// KeepRanked sets how many values a group of min or max has at hand and returns what undoes it.
func KeepRanked(n int) func() {
	was := rankedMost
	rankedMost = n
	return func() { rankedMost = was }
}
