/** The list of keys. */
import { Dialog } from './dialog.tsx';
import { KEY_MAP } from './hotkeys.ts';

const KeySheet = ({ onClose }: { readonly onClose: () => void }) => (
  <Dialog title="Keyboard" onClose={onClose}>
    <table className="keys">
      <tbody>
        {KEY_MAP.map(({ keys, what }) => (
          <tr key={keys}>
            <th scope="row">
              {keys.split(', ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </th>
            <td>{what}</td>
          </tr>
        ))}
      </tbody>
    </table>
  </Dialog>
);
// A default export, because React.lazy loads the list when it is opened.
export default KeySheet;
