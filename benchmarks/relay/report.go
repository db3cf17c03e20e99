package relay

import "github.com/deltaic/deltaic/benchmarks/measure"

// summarise fills the report. Ratios are medians of those of runs beside each other.
func (s *suite) summarise() {
	r, o := s.report, s.o
	r.Verified = len(r.Faults) == 0
	r.Settings["rows_per_second"], r.Settings["seconds"], r.Settings["warmup_seconds"], r.Settings["rounds"] = o.Rate, o.Duration.Seconds(), o.Warmup.Seconds(), o.Rounds
	r.Settings["partitions"], r.Settings["parallelism"] = o.Partitions, o.Parallelism
	r.Settings["guarantee"], r.Settings["shape"], r.Settings["payload"], r.Settings["epoch_ms"] = o.Guarantee, o.Shape, o.Payload, milliseconds(o.Epoch)
	bare, least, flow := s.sides[""], s.sides[AtLeastOnce], s.sides[o.Guarantee]
	for i, name := range shareNames {
		r.Metrics[name+"_ms"], r.Anchors["bare_loop_"+name+"_ms"] = spread(flow.quantiles[i]), spread(bare.quantiles[i])
		s.ratio(name+"_to_bare_loop", flow.quantiles[i], bare.quantiles[i])
	}
	r.Metrics["cpu_seconds_per_million_rows"], r.Anchors["bare_loop_cpu_seconds_per_million_rows"] = spread(flow.cpu), spread(bare.cpu)
	r.Metrics["collections"], r.Anchors["bare_loop_collections"] = spread(flow.gc), spread(bare.gc)
	r.Metrics["late_sends_p99_ms"], r.Anchors["bare_loop_late_sends_p99_ms"] = spread(flow.late), spread(bare.late)
	r.Metrics["epochs"], r.Metrics["rows_twice"] = flow.epochs, flow.twice
	if flow == least {
		return
	}
	r.Settings["backlog_rows"] = o.Backlog
	for i, name := range shareNames {
		r.Anchors["at_least_once_"+name+"_ms"] = spread(least.quantiles[i])
		s.ratio(name+"_to_at_least_once", flow.quantiles[i], least.quantiles[i])
	}
	r.Metrics["rows_per_second"], r.Anchors["at_least_once_rows_per_second"] = spread(flow.rate), spread(least.rate)
	s.ratio("rows_per_second_to_at_least_once", flow.rate, least.rate)
	s.ratio("cpu_to_at_least_once", flow.cpu, least.cpu)
}

func (s *suite) ratio(name string, a, b []float64) {
	pairs := measure.SpreadOf(measure.Ratios(a, b))
	s.report.Ratios[name] = measure.Round(pairs.Median)
	s.report.Metrics[name+"_min_max"] = []float64{measure.Round(pairs.Least), measure.Round(pairs.Most)}
}

func spread(values []float64) measure.Spread {
	p := measure.SpreadOf(values)
	p.Median, p.Least, p.Most = measure.Round(p.Median), measure.Round(p.Least), measure.Round(p.Most)
	return p
}
