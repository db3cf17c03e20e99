// Command deltaic runs flows, the demo and the benchmarks, and looks into tables.
package main

import (
	"context"
	"os"

	"github.com/deltaic/deltaic"
	"github.com/deltaic/deltaic/benchmarks"
	"github.com/deltaic/deltaic/benchmarks/generate"
	"github.com/deltaic/deltaic/node"
	_ "github.com/deltaic/deltaic/objstore/azure" // az:// and abfss://
	_ "github.com/deltaic/deltaic/objstore/gcs"   // gs://
	_ "github.com/deltaic/deltaic/objstore/s3"    // s3:// and s3a://
)

func main() {
	env := deltaic.Env()
	env.Bench = append(benchmarks.Commands(), generate.Command())
	os.Exit(node.Main(context.Background(), os.Args[1:], env))
}
