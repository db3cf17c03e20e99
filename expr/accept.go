package expr

import "github.com/deltaic/deltaic/batch"

// accepts reports whether an argument of type from may be given where a function wants to: the language casts less by
// itself than CAST does.
func accepts(from, to batch.Type) bool {
	switch {
	case from.Kind == batch.Void || from.Kind == to.Kind && !from.Nested():
		return true
	case from.Nested() || to.Nested() || from.Kind == batch.Variant || to.Kind == batch.Variant:
		return from.Kind == to.Kind
	case to.Kind == batch.String:
		return true
	case from.Kind == batch.String:
		return true
	case numeric(to.Kind):
		return numeric(from.Kind)
	case instantKind(to.Kind):
		return instantKind(from.Kind)
	}
	return false
}
