// Package flowfile reads flows written as YAML and says them as stream.Flow.
//
// # Main types
//
// [Parse] reads the documents of a file into [File] values; [File.Flow]
// builds the flow with the connectors it names. Every error has the file, line and column, and unknown
// keys are answered with the nearest known one.
//
// # The caller's duties
//
// Environment and secret files are handed in with [Options]; the package reads
// none by itself.
package flowfile
