// Package parse turns text of the Spark SQL dialect into trees: expressions,
// select items, types and DDL schema strings.
//
// # Main types
//
// [Expr] and [Item] return a [Node]; [Type] and [DDL] return types of package
// batch. [Parser] is the same machinery for a caller that reads statements
// around expressions. [Render] writes a tree back as SQL, so that parsing what
// it wrote gives an equal tree.
//
// # The caller's duties
//
// Text may be hostile: it is refused beyond [MaxLength] bytes, [MaxDepth]
// levels and [MaxList] values. Every error is a *supervision.Failure of class PARSE_SYNTAX_ERROR
// with line, column and the line of text with a caret below it.
//
// The package resolves no names, knows no functions and evaluates nothing.
package parse
