// Package node is the process: the commands, the configuration, the HTTP
// surface, metrics, memory limits, signals and the demo.
//
// # Main types
//
// [Main] runs one command line and returns its exit code; [Env] is what the
// caller introduces: how flows are started, flows that are compiled in, further commands.
//
// # The caller's duties
//
// A main calls os.Exit with what Main returns. The package starts no flow by itself
// other than through Env.Start, because saying and running meet in the root package only.
//
// # What it does not do
//
// It has no authentication, so it serves loopback only; it knows one node.
// github.com/spf13/cobra is used here and in the mains, and nowhere else.
package node
