/** The form that starts a run. */
import { type FormEvent, type ReactNode, useEffect, useId, useState } from 'react';
import { useClient } from 'urql';
import { RunDetailsDocument, type RunPartsFragment } from '../../../schema/generated/graphql.ts';
import { Dialog } from '../look/dialog.tsx';
import { runActions } from './actions.ts';
import { EMPTY, FIELD_OF, FieldError, fieldsOf, inputOf, type StartFields } from './startFields.ts';

interface StartFormProps {
  /** Id of a run to duplicate. */
  readonly like: string | null;
  readonly onStarted: (run: RunPartsFragment) => void;
  readonly onClose: () => void;
}
type Errors = Partial<Record<keyof StartFields | 'form', string>>;

const errorsOf = (problems: readonly { readonly message: string; readonly argument: string | null }[]): Errors => {
  const errors: Errors = {};
  for (const { message, argument } of problems) {
    const field = FIELD_OF.find(([prefix]) => argument?.startsWith(prefix))?.[1] ?? 'form';
    errors[field] = [errors[field], message].filter(Boolean).join(' ');
  }
  return errors;
};

const StartForm = ({ like, onStarted, onClose }: StartFormProps) => {
  const client = useClient();
  const [fields, setFields] = useState(EMPTY);
  const [errors, setErrors] = useState<Errors>({});
  const [busy, setBusy] = useState(false);
  useEffect(() => {
    if (like === null) return;
    void client
      .query(RunDetailsDocument, { runId: like })
      .toPromise()
      .then(({ data }) => {
        if (data?.run) setFields(fieldsOf(data.run));
      });
  }, [client, like]);
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setBusy(true);
    try {
      const result = await runActions(client).start(inputOf(fields));
      if ('value' in result) onStarted(result.value);
      else setErrors(errorsOf(result.problems));
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      setErrors({ [error.field]: error.message });
    } finally {
      setBusy(false);
    }
  };
  const props = (field: Exclude<keyof StartFields, 'shell'>) => ({
    value: fields[field],
    error: errors[field],
    onChange: (value: string) => setFields({ ...fields, [field]: value }),
  });
  return (
    <Dialog title={like === null ? 'Start a run' : 'Start a run like this one'} onClose={onClose}>
      <form className="fields" onSubmit={(event) => void submit(event)}>
        <Field
          label="Command"
          hint={fields.shell ? 'Run by sh -c.' : 'The program, then its arguments: one per line.'}
          area
          {...props('command')}
        />
        <label className="check">
          <input
            type="checkbox"
            checked={fields.shell}
            onChange={(event) => setFields({ ...fields, shell: event.target.checked })}
          />
          Run it in a shell
        </label>
        <Field label="Name" {...props('name')} />
        <Field label="Image" hint="Empty: the image of the service." {...props('image')} />
        <details>
          <summary>Environment, input, labels</summary>
          <Field label="Environment" hint="NAME=value, one per line." area {...props('env')} />
          <Field label="Secrets" hint="NAME=value, one per line. Hidden in the log." area {...props('secrets')} />
          <Field label="Input" hint="JSON; the command finds it in RUN_INPUT." area {...props('input')} />
          <Field label="Labels" hint="name=value, one per line." area {...props('labels')} />
        </details>
        <details>
          <summary>Limits, retry</summary>
          <Field label="Timeout in seconds" numeric {...props('timeoutSeconds')} />
          <Field label="Memory in MiB" numeric {...props('memoryMb')} />
          <Field label="CPU cores" numeric {...props('cpus')} />
          <Field label="Attempts" hint="How often it is tried in all." numeric {...props('maxAttempts')} />
        </details>
        {errors.form !== undefined && <p role="alert">{errors.form}</p>}
        <footer>
          <button type="button" onClick={onClose}>
            Close
          </button>
          <button type="submit" className="primary" disabled={busy}>
            Start
          </button>
        </footer>
      </form>
    </Dialog>
  );
};
// A default export, because React.lazy loads the form when it is opened.
export default StartForm;

interface FieldProps {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly error?: string | undefined;
  readonly hint?: ReactNode;
  readonly area?: boolean;
  readonly numeric?: boolean;
}

const Field = ({ label, value, onChange, error, hint, area = false, numeric = false }: FieldProps) => {
  const id = useId();
  const shared = {
    id,
    value,
    spellCheck: false,
    'aria-invalid': error !== undefined,
    'aria-describedby': `${id}-hint`,
  };
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {area ? (
        <textarea rows={3} {...shared} onChange={(event) => onChange(event.target.value)} />
      ) : (
        <input
          inputMode={numeric ? 'decimal' : 'text'}
          {...shared}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
      <span
        id={`${id}-hint`}
        className={error === undefined ? 'hint' : 'error'}
        role={error === undefined ? undefined : 'alert'}
      >
        {error ?? hint}
      </span>
    </div>
  );
};
