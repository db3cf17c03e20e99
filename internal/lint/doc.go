// Package lint holds the rules of the house as Go tests: which room may import
// which, where a library may be named, what a pure room may not do, that
// everything exported is explained, how long a file and a function may be, and
// what no tracked file may say.
//
// A rule is a function from the tree (every tracked file, Go files parsed) to
// findings; each has a test that runs it over the repository and a line in
// broken_test.go that breaks it on purpose and wants the finding. A finding that
// has a good reason stands in excuses_test.go with that reason; an excuse that
// excuses nothing any more fails the test, so the list can only shrink.
//
// It looks at text and syntax, never at types, and it does not see whether a
// goroutine is joined: rooms prove that in their own tests.
package lint
