package expr

import "github.com/deltaic/deltaic/batch"

// accepts reports whether an argument of type from may be given where a function wants to: the language casts less by
// itself than CAST does.
func accepts(from, to batch.Type, ansi bool) bool {
	switch {
	case from.Kind == batch.Void || from.Kind == to.Kind && !from.Nested():
		return true
	case from.Nested() || to.Nested() || from.Kind == batch.Variant || to.Kind == batch.Variant:
		return from.Kind == to.Kind
	case to.Kind == batch.String:
		return from.Kind != batch.Binary || !ansi
	case from.Kind == batch.String:
		return true
	case numeric(to.Kind):
		return numeric(from.Kind) && (!ansi || rank(from.Kind) <= rank(to.Kind))
	case instantKind(to.Kind):
		return instantKind(from.Kind)
	}
	return false
}

// rank orders the numbers by what they can hold.
func rank(k batch.Kind) int {
	switch k {
	case batch.Decimal:
		return int(batch.BigInt)*10 + 5
	case batch.Float, batch.Double:
		return int(k)*10 + 100
	}
	return int(k) * 10
}
