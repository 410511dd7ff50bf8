import { expect, test } from 'vitest';
import { NOW, startOutput } from '../../../support/output.ts';

test('sends at most ten states per second, and the last one', () => {
  const { stdout, sink } = startOutput();
  const times: number[] = [];
  for (let ms = 0; ms < 3000; ms += 10) {
    stdout.write(Buffer.from(`${ms}\r`), NOW + ms);
    if (ms % 100 === 50) stdout.tick(NOW + ms);
  }
  stdout.write(Buffer.from('done\n'), NOW + 3000);
  for (const draft of sink.drafts) times.push(draft.timestamp - NOW);
  expect(sink.messages.at(-1)).toBe('done');
  expect(times.length).toBeGreaterThan(20);
  for (let from = 0; from <= 2000; from += 10) {
    // The last state and its line can add one.
    expect(times.filter((time) => time >= from && time < from + 1000).length).toBeLessThanOrEqual(11);
  }
});

test('sends a state when it is due, without waiting for the next one', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('1%\r'), NOW);
  stdout.tick(NOW + 10);
  expect(sink.messages).toEqual([]);
  stdout.tick(NOW + 120);
  stdout.tick(NOW + 240);
  expect(sink.messages).toEqual(['1%']);
  stdout.tick(NOW + 360);
  stdout.write(Buffer.from('2%\r'), NOW + 1000);
  stdout.tick(NOW + 1100);
  expect(sink.messages).toEqual(['1%', '2%']);
});

test('sends each state once if a bar prints its CR first', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('\r 10%'), NOW);
  stdout.tick(NOW + 100);
  stdout.tick(NOW + 200);
  expect(sink.messages).toEqual([' 10%']);
  stdout.write(Buffer.from('\r 20%'), NOW + 250);
  stdout.tick(NOW + 300);
  expect(sink.messages).toEqual([' 10%', ' 20%']);
  stdout.write(Buffer.from('\n'), NOW + 400);
  stdout.end(NOW + 500);
  expect(sink.messages).toEqual([' 10%', ' 20%']);
});

test('a late line break does not repeat a state that was sent', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('100%\r'), NOW);
  stdout.tick(NOW + 100);
  stdout.tick(NOW + 200);
  stdout.write(Buffer.from('\nnext\r'), NOW + 300);
  stdout.tick(NOW + 310);
  stdout.write(Buffer.from('\n'), NOW + 320);
  expect(sink.messages).toEqual(['100%', 'next']);
});

test('an incomplete line that is not a state waits for its end', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('a question? '), NOW);
  stdout.tick(NOW + 1000);
  stdout.tick(NOW + 2000);
  expect(sink.messages).toEqual([]);
  stdout.end(NOW + 3000);
  expect(sink.messages).toEqual(['a question? ']);
});

test('an incomplete state is not sent if it ends inside a secret or a character', () => {
  const { stdout, sink } = startOutput({ secrets: ['hunter2'] });
  stdout.write(Buffer.from('\rpassword hunt'), NOW);
  stdout.tick(NOW + 200);
  expect(sink.messages).toEqual([]);
  stdout.write(Buffer.from('er2'), NOW + 250);
  stdout.tick(NOW + 400);
  expect(sink.messages).toEqual(['password ***']);
  stdout.write(Buffer.from([0x0d, 0x61, 0xe2, 0x82]), NOW + 500);
  stdout.tick(NOW + 700);
  expect(sink.messages).toHaveLength(1);
  stdout.write(Buffer.from([0xac]), NOW + 800);
  stdout.tick(NOW + 900);
  expect(sink.messages).toEqual(['password ***', 'a€']);
});

test('commands and records between states are processed, and never shown as text', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('1\r::add-mask::hun'), NOW);
  stdout.tick(NOW + 300);
  stdout.tick(NOW + 600);
  expect(sink.messages).toEqual(['1']);
  stdout.write(Buffer.from('ter2\r::progress current=1::\rhunter2\r'), NOW + 700);
  stdout.end(NOW + 700);
  expect(sink.drafts.slice(1)).toMatchObject([
    { kind: 'ProgressUpdated', current: 1 },
    { kind: 'LogLine', message: '***' },
  ]);
});

test('a command whose CR and LF arrive separately is processed once and leaves no empty line', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('::warning::a\r'), NOW);
  stdout.tick(NOW + 200);
  stdout.tick(NOW + 400);
  stdout.write(Buffer.from('\n{"level":30,"msg":"b"}\r'), NOW + 500);
  stdout.tick(NOW + 700);
  stdout.write(Buffer.from('\n'), NOW + 800);
  expect(sink.drafts).toMatchObject([
    { level: 'WARNING', message: 'a' },
    { stream: 'LOGGER', message: 'b' },
  ]);
});

test('the bar continues if the clock is set back', () => {
  const { stdout, sink } = startOutput();
  stdout.write(Buffer.from('1\r'), NOW);
  stdout.tick(NOW + 200);
  stdout.tick(NOW + 400);
  stdout.write(Buffer.from('2\r3'), NOW - 3_600_000);
  expect(sink.messages).toEqual(['1', '2']);
});
