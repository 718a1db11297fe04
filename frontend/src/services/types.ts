/** Names for the generated types of REST and socket (`schema.gen.ts`). Times are microseconds since 1970 UTC. */
import type { components } from "./schema.gen";

type Schemas = components["schemas"];

export type Run = Schemas["RunAnswer"];
export type RunState = Run["status"];
export type Health = Run["health"];
export type Summary = Schemas["MetricSummary"];
export type Checkpoint = Schemas["CheckpointAnswer"];
export type Surroundings = Schemas["EnvironmentAnswer"];
export type LogEvent = Schemas["EventMessage"];
export type Level = LogEvent["level"];
export type LogLine = Schemas["LogLine"];
export type LogAnswer = Schemas["LogAnswer"];
export type Command = Schemas["CommandMessage"];
export type HostStatus = Schemas["HostStatus"];
export type GpuStatus = Schemas["GpuStatus"];
export type HostSeries = Schemas["HostSeries"];
export type Chart = Schemas["Chart"];
export type ChartSeries = Schemas["ChartSeries"];
export type MetricUpdate = Schemas["MetricUpdate"];
export type ServerMessage = Schemas["ServerMessage"];
export type ViewerMessage = Schemas["ViewerMessage"];
/** A finite number, or one of the strings `NaN`, `Infinity`, `-Infinity`. */
export type Value = MetricUpdate["metrics"][string];
