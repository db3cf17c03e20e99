// Command deltaic runs flows, the demo and the benchmarks, and looks into tables.
package main

import (
	"context"
	"os"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/node"
)

func main() {
	os.Exit(node.Main(context.Background(), os.Args[1:], deltaic.Env()))
}
