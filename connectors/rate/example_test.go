package rate_test

import (
	"context"
	"fmt"
	"time"

	"github.com/deltaic/deltaic/connectors"
	"github.com/deltaic/deltaic/connectors/rate"
)

func ExampleNew() {
	clock := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	s, err := rate.New(rate.Options{RowsPerSecond: 100, NumPartitions: 2, Now: func() time.Time { return clock }})
	if err != nil {
		fmt.Println(err)
		return
	}
	at, err := s.Start(context.Background(), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	clock = clock.Add(3 * time.Second)
	end, err := s.End(context.Background(), []connectors.SplitID{"rate/0", "rate/1"})
	fmt.Println(s.Description(), string(s.Offsets(at)), string(s.Offsets(end)), err)
	// Output: RateStreamV2[rowsPerSecond=100, rampUpTimeSeconds=0, numPartitions=2] {"0":0,"1":0} {"0":151,"1":150} <nil>
}
