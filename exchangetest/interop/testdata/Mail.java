import jakarta.mail.AuthenticationFailedException;
import jakarta.mail.Folder;
import jakarta.mail.Message;
import jakarta.mail.Session;
import jakarta.mail.Store;
import jakarta.mail.internet.InternetAddress;
import jakarta.mail.internet.MimeMessage;
import java.util.Properties;

/** Reads by IMAP, tries POP3 and sends by SMTP, with Jakarta Mail and its own XOAUTH2. */
public class Mail {
    static final String user = System.getenv("EXO_USER");
    static final String token = System.getenv("EXO_TOKEN");

    static Session session(String protocol, String... more) {
        String[] address = System.getenv("EXO_" + protocol.substring(0, 4).replace("pop3", "POP").toUpperCase()).split(":");
        Properties p = new Properties();
        String prefix = "mail." + protocol + ".";
        p.put("mail.store.protocol", protocol);
        p.put("mail.transport.protocol", protocol);
        p.put(prefix + "host", address[0]);
        p.put(prefix + "port", address[1]);
        p.put(prefix + "auth.mechanisms", "XOAUTH2");
        p.put(prefix + "timeout", "20000");
        for (int i = 0; i < more.length; i += 2) {
            p.put(prefix + more[i], more[i + 1]);
        }
        return Session.getInstance(p);
    }

    static void read(String protocol, String user) throws Exception {
        try (Store store = session(protocol).getStore()) {
            store.connect(user, token);
            Folder inbox = store.getFolder("INBOX");
            inbox.open(Folder.READ_ONLY);
            System.out.println(protocol + " " + inbox.getMessage(1).getSubject());
            inbox.close();
        } catch (AuthenticationFailedException e) {
            System.out.println(protocol + " refused " + e.getMessage());
        }
    }

    public static void main(String[] args) throws Exception {
        read("imaps", user);
        read("imaps", "x" + user);
        // It sends command and token in one line if not told otherwise, which Exchange does not take by POP3.
        read("pop3s", user);

        Session smtp = session("smtp", "auth", "true", "starttls.enable", "true", "starttls.required", "true");
        MimeMessage message = new MimeMessage(smtp);
        message.setFrom(user);
        message.setRecipient(Message.RecipientType.TO, new InternetAddress("someone@example.com"));
        message.setSubject("x");
        message.setText("x");
        try (var transport = smtp.getTransport()) {
            transport.connect(user, token);
            transport.sendMessage(message, message.getAllRecipients());
        }
        System.out.println("smtp sent");
    }
}
