/** For new InMemoryCache({ possibleTypes }). */
export const possibleTypes: Record<string, string[]> = {
  "Node": [
    "ApiToken",
    "Run"
  ],
  "RunEvent": [
    "AttemptFinished",
    "ContainerEvent",
    "CustomEvent",
    "GroupEnded",
    "GroupStarted",
    "LinesDropped",
    "LogLine",
    "OutputProduced",
    "ProgressUpdated",
    "RunFinished",
    "StatusChanged"
  ]
};
