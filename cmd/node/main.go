// Command node is the service: the same program as deltaic, under the name of its place.
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
