import { BaseSequencer, type TestSpecification } from 'vitest/node';

/**
 * The usual order, but the files of the projects `container` and `docker` alternate. The two projects are in one group
 * with two workers, so both engines are busy. oneFilePerEngine.ts keeps two files off the same engine.
 */
export default class AlternateEngines extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const of = (name: string): TestSpecification[] => sorted.filter(({ project }) => project.name === name);
    const [podman, docker] = [of('container'), of('docker')];
    const others = sorted.filter((file) => !podman.includes(file) && !docker.includes(file));
    const longer = Math.max(podman.length, docker.length);
    const pairs = Array.from({ length: longer }, (_, at) => [podman[at], docker[at]]).flat();
    return [...others, ...pairs.filter((file) => file !== undefined)];
  }
}
