// Package invariant holds the switch for checks that are too costly for
// production: build or test with -tags invariants to turn them on. Guard each
// check with [Enabled], a constant, so that it costs nothing when off.
//
// It does not decide what a broken invariant means: the caller panics with a
// sentence that names what was broken.
package invariant
