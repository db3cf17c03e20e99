// Package regex finds matches of regular expressions with an automaton that is built while it runs: each state that texts lead to is
// worked out once, and from then on a byte costs a table look-up. A match is what package regexp finds; of several matches none is left
// out, as in Java, not even an empty one right behind another.
//
// [Compile] makes a [Regex], which is immutable and shared; [Regex.Machine] lends a [Machine], which holds the automaton and belongs to one
// goroutine until it is given back. An expression whose automaton would be large, and all work that needs groups, is left to regexp.
//
// The caller gives machines back, and uses no text of theirs afterwards. The package knows the syntax of RE2; [Java]
// translates expressions of Java.
package regex
