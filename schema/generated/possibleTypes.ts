/** For new InMemoryCache({ possibleTypes }). */
export const possibleTypes: Record<string, string[]> = {
  "Node": [
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
