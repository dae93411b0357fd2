"""The PyTorch twins of the models of one's own, as a person who ports one writes them."""
import torch
from torch import nn


class CNN(nn.Module):
    def __init__(self, epsilon=1e-5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3)
        self.bn1 = nn.BatchNorm2d(4, eps=epsilon)
        self.conv2 = nn.Conv2d(4, 8, 3)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.fc1 = nn.Linear(72, 12)
        self.fc2 = nn.Linear(12, 5)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x.permute(0, 3, 1, 2))))
        x = self.depthwise(torch.relu(self.conv2(x)))
        return self.fc2(torch.relu(self.fc1(x.flatten(1))))


class TransformerBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(16)
        self.attn = nn.MultiheadAttention(16, 4, batch_first=True)
        self.norm2 = nn.LayerNorm(16)
        self.mlp = nn.Sequential(nn.Linear(16, 24), nn.GELU(), nn.Linear(24, 16))

    def forward(self, x):
        y = self.norm1(x)
        x = x + self.attn(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Linear(9, 16)
        self.blocks = nn.Sequential(*(TransformerBlock() for _ in range(3)))
        self.norm = nn.LayerNorm(16)
        self.head = nn.Linear(16, 7)

    def forward(self, x):
        return self.head(self.norm(self.blocks(self.embed(x))))


class Recurrent(nn.Module):
    def __init__(self, cell):
        super().__init__()
        self.rnn = getattr(nn, cell)(9, 6, batch_first=True)
        self.out = nn.Linear(6, 3)

    def forward(self, x):
        return self.out(self.rnn(x)[0])


class ResidualBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.gn1 = nn.GroupNorm(4, outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.gn2 = nn.GroupNorm(4, outputs)
        self.shortcut = None
        if inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.GroupNorm(4, outputs))

    def forward(self, x):
        y = torch.relu(self.gn1(self.conv1(x)))
        y = self.gn2(self.conv2(y))
        return torch.relu(y + (x if self.shortcut is None else self.shortcut(x)))


class GroupNormResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.GroupNorm(4, 8)
        self.layer1 = nn.Sequential(ResidualBlock(8, 8, 1), ResidualBlock(8, 8, 1))
        self.layer2 = nn.Sequential(ResidualBlock(8, 16, 2), ResidualBlock(16, 16, 1))
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        x = torch.relu(self.norm(self.stem(x.permute(0, 3, 1, 2))))
        return self.fc(self.layer2(self.layer1(x)).mean((2, 3)))


class UNet(nn.Module):
    """Square transposed kernels among others: no shape tells the one from the other."""

    def __init__(self):
        super().__init__()
        self.down1 = nn.Conv2d(3, 6, 3, padding=1)
        self.down2 = nn.Conv2d(6, 12, 3, padding=1)
        self.bottom = nn.Conv2d(12, 12, 3, padding=1)
        self.up2 = nn.ConvTranspose2d(12, 12, 2, 2)
        self.merge2 = nn.Conv2d(24, 6, 3, padding=1)
        self.up1 = nn.ConvTranspose2d(6, 6, 2, 2)
        self.merge1 = nn.Conv2d(12, 6, 3, padding=1)
        self.out = nn.Conv2d(6, 2, 1)

    def forward(self, x):
        pool = nn.functional.max_pool2d
        first = torch.relu(self.down1(x.permute(0, 3, 1, 2)))
        second = torch.relu(self.down2(pool(first, 2)))
        x = torch.relu(self.bottom(pool(second, 2)))
        x = torch.relu(self.merge2(torch.cat([self.up2(x), second], 1)))
        x = torch.relu(self.merge1(torch.cat([self.up1(x), first], 1)))
        return self.out(x).permute(0, 2, 3, 1)


class Decoder(nn.Module):
    """A flatten behind transposed convolutions whose channels grow."""

    def __init__(self):
        super().__init__()
        self.up1 = nn.ConvTranspose2d(3, 6, 2, 2)
        self.up2 = nn.ConvTranspose2d(6, 9, 3, 1)
        self.fc = nn.Linear(9 * 10 * 10, 4)

    def forward(self, x):
        x = torch.relu(self.up1(x.permute(0, 3, 1, 2)))
        return self.fc(torch.relu(self.up2(x)).flatten(1))
