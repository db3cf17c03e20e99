package node

import (
	"strings"
	"testing"

	"github.com/deltaic/deltaic/batch"
	"github.com/deltaic/deltaic/delta"
	"github.com/deltaic/deltaic/objstore/location"
	_ "github.com/deltaic/deltaic/objstore/s3"
	"github.com/deltaic/deltaic/objstore/s3/s3test"
)

func TestSparkBesideUsOnS3IsWarnedOf(t *testing.T) {
	s3test.Start(t).Use(t)
	schema := batch.NewSchema(batch.Field{Name: "id", Type: batch.BigIntType})
	for engine, warned := range map[string]bool{"Apache-Spark/4.2.0 Delta-Lake/4.4.0": true, "delta-rs:1.6.6": false} {
		at := "s3://" + s3test.Bucket + "/" + engine[:5]
		store, err := location.Open(at)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := delta.Create(t.Context(), store, delta.CreateOptions{Schema: schema}, delta.Options{Engine: engine}); err != nil {
			t.Fatal(err)
		}
		var warnings []string
		if err := trySink(t.Context(), "out", delta.SinkAt(at, delta.SinkOptions{}), func(text string) { warnings = append(warnings, text) }); err != nil {
			t.Fatal(err)
		}
		if (len(warnings) == 1 && strings.Contains(warnings[0], at)) != warned {
			t.Errorf("%s: warnings %v", engine, warnings)
		}
	}
}
