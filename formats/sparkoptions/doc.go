// Package sparkoptions reads the options of Spark's formats: maps of text whose
// names have no case. [Format] is what a format knows of its options, [Times]
// are the ones for dates and times that all formats have.
//
// The caller sets what is its own in the function it gives to [Format.Each].
// The package knows no pattern language: who calls a format brings one.
package sparkoptions
